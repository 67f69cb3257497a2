//! The OpenAPI document, tried by schemathesis: no answer is a failure of the server, and each is as the document says.

use std::process::{Command, Stdio};

use crate::serving::{API_KEY, Serving};

/// Names the program; `cargo xtask test` installs it and sets this.
pub(crate) const PROGRAM: &str = "SCHEMATHESIS";

/// Requests for each operation.
const EXAMPLES: &str = "40";

/// What every answer has to hold.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

#[test]
fn schemathesis_finds_no_failure_of_the_server() {
    let serving = Serving::start(&[]);
    let program = std::env::var(PROGRAM).unwrap_or_else(|_| "schemathesis".to_owned());
    let tried = Command::new(&program)
        .args(["run", &format!("http://{}/api/openapi.json", serving.http)])
        .args([
            "--url",
            &format!("http://{}", serving.http),
            "--header",
            &format!("Authorization: Bearer {API_KEY}"),
        ])
        // Operators' routes are on their own port; fuzz.rs tries them.
        .args(["--exclude-path-regex", "^/admin/", "--checks", CHECKS, "--max-examples", EXAMPLES])
        .args(["--seed", "1", "--request-timeout", "20", "--workers", "2", "--no-color"])
        .current_dir(serving.folder())
        .stdin(Stdio::null())
        .output();
    let Ok(tried) = tried else {
        return eprintln!(
            "SKIPPED: there is no {program}: `pip install schemathesis`, or name it in {PROGRAM}"
        );
    };
    let said = String::from_utf8_lossy(&tried.stdout).into_owned();
    assert!(tried.status.success(), "{said}\n{}\n{}", String::from_utf8_lossy(&tried.stderr), serving.log());
    assert_eq!(serving.get("/healthz").status, 200);
}
