//! The OpenAPI document, tried by schemathesis: no answer is a failure of the server, and each is as the document says.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::serving::{ADMIN_TOKEN, API_KEY, Serving};

/// Names the program; `cargo xtask test` installs it and sets this.
const PROGRAM: &str = "SCHEMATHESIS";

/// Requests for each operation.
const EXAMPLES: &str = "40";

/// What every answer has to hold.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

#[test]
fn schemathesis_finds_no_failure_of_the_server() {
    let serving = Serving::start(&[]);
    let program = std::env::var(PROGRAM).unwrap_or_else(|_| "schemathesis".to_owned());
    let document = format!("http://{}/api/openapi.json", serving.http);
    let run = |base: SocketAddr, paths: [&str; 2], key: &str| {
        Command::new(&program)
            .args(["run", &document, "--url", &format!("http://{base}")])
            .args(["--header", &format!("Authorization: Bearer {key}")])
            // A drain that is asked for as it should be ends the server.
            .args(paths)
            .args(["--exclude-path", "/admin/v1/drain", "--checks", CHECKS, "--max-examples", EXAMPLES])
            .args(["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"])
            .args(["--seed", "1", "--request-timeout", "20", "--workers", "2", "--no-color"])
            .current_dir(serving.folder())
            .stdin(Stdio::null())
            .output()
    };
    for (base, paths, key) in [
        (serving.http, ["--exclude-path-regex", "^/admin/"], API_KEY),
        (serving.admin, ["--include-path-regex", "^/admin/"], ADMIN_TOKEN),
    ] {
        let Ok(tried) = run(base, paths, key) else {
            return eprintln!(
                "SKIPPED: there is no {program}: `pip install schemathesis`, or name it in {PROGRAM}"
            );
        };
        let said = String::from_utf8_lossy(&tried.stdout).into_owned();
        let failed = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(tried.status.success(), "{said}\n{failed}\n{}", serving.log());
    }
    assert_eq!(serving.get("/healthz").status, 200);
}
