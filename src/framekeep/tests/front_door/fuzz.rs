//! Every route of the document with every kind of nonsense: refused, never a fault of the server.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use crate::http::{self, Reply};
use crate::serving::{ADMIN_TOKEN, API_KEY, Serving};

/// What a path or a query may hold that nobody means.
const EDGES: [&str; 24] = [
    "",
    "0",
    "-1",
    "1e309",
    "18446744073709551616",
    "-9223372036854775809",
    "true",
    "null",
    "%00",
    "%ff%fe",
    "%F0%9F%8E%AE",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    ".",
    "a%20b",
    "'%20or%201=1--",
    "%3Cscript%3E",
    "%25s%25n",
    "%0d%0aSet-Cookie:a=b",
    "00000000000000ff",
    "ffffffffffffffffff",
    "friday",
    "bytes=0-",
    "2026-11-21T00:00:00Z",
];

/// Numbers that follow from a seed (Steele and others, splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// An edge, a long text, or any bytes.
    fn segment(&mut self) -> String {
        match self.below(8) {
            0 => "a".repeat(1 << self.below(13)),
            1 => (0..self.below(40)).map(|_| format!("%{:02x}", self.next() & 0xff)).collect(),
            _ => self.pick(&EDGES).to_owned(),
        }
    }

    /// A value of any kind, or one of the kind a schema asks for.
    fn value(&mut self, schema: &Value, document: &Value, depth: usize) -> Value {
        let schema = resolve(schema, document);
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or_default(),
            kind => kind.as_str().unwrap_or_default(),
        };
        let is_meant = self.below(4) > 0 && depth < 4;
        match (is_meant, kind) {
            (true, "object") => {
                let fields = schema["properties"].as_object().cloned().unwrap_or_default();
                let mut object = Map::new();
                for (name, schema) in fields {
                    if self.below(4) > 0 {
                        object.insert(name, self.value(&schema, document, depth + 1));
                    }
                }
                Value::Object(object)
            }
            (true, "integer" | "number") => {
                json!(self.pick(&[&0_i64, &1, &2, &-1, &255, &256, &65_536, &i64::MAX, &i64::MIN]))
            }
            (true, "boolean") => json!(self.below(2) == 0),
            (true, "array") => Value::Array((0..self.below(4)).map(|_| json!(self.next())).collect()),
            (true, "string") => {
                json!(self.pick(&["arena", "rhythm", "friday", "host", "full", "ada", "", "\u{0}"]))
            }
            _ => match self.below(7) {
                0 => Value::Null,
                1 => json!(self.next() as f64 / 3.0),
                2 => json!([]),
                3 => json!({}),
                4 => json!("é".repeat(self.below(3_000))),
                5 => json!(-(self.below(99) as i64)),
                _ => json!({ "a": { "a": [[[[]]]] } }),
            },
        }
    }
}

fn resolve<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    let one = schema["oneOf"].as_array().and_then(|all| all.last()).unwrap_or(schema);
    match one["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(path) => document.pointer(path).unwrap_or(&Value::Null),
        None => one,
    }
}

/// A route of the document.
struct Route<'a> {
    method: String,
    path: &'a str,
    operation: &'a Value,
}

fn routes(document: &Value) -> Vec<Route<'_>> {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods");
        methods.iter().map(move |(method, operation)| Route {
            method: method.to_uppercase(),
            path,
            operation,
        })
    });
    // A drain that is asked for as it should be ends the server.
    all.filter(|route| route.path != "/admin/v1/drain").collect()
}

/// Asks for a route with nonsense in every place.
fn ask(
    route: &Route<'_>,
    to: SocketAddr,
    document: &Value,
    key: &str,
    chance: &mut Chance,
) -> (String, Reply) {
    let mut path = String::new();
    for part in route.path.split('/').skip(1) {
        path.push('/');
        path.push_str(&if part.starts_with('{') { chance.segment() } else { part.to_owned() });
    }
    let parameters = route.operation["parameters"].as_array().cloned().unwrap_or_default();
    let mut separator = '?';
    for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
        if chance.below(2) == 0 {
            path += &format!("{separator}{}={}", parameter["name"].as_str().unwrap(), chance.segment());
            separator = '&';
        }
    }
    let schema = &route.operation["requestBody"]["content"]["application/json"]["schema"];
    let body = match chance.below(8) {
        _ if schema.is_null() => String::new(),
        0 => "{".repeat(1 + chance.below(3_000)),
        1 => "\u{feff}{\"name\":1e999}".to_owned(),
        _ => chance.value(schema, document, 0).to_string(),
    };
    let bearer = format!("Bearer {key}");
    let range =
        format!("bytes={}", chance.pick(&["0-", "-1", "5-2", "99999999999999999999-", "a-b", "0-0,2-3"]));
    let headers: &[(&str, &str)] = match chance.below(4) {
        0 => &[],
        1 => &[("Authorization", "Basic eDp5")],
        _ => &[("Authorization", &bearer), ("Range", &range)],
    };
    let reply = http::ask(to, &route.method, &path, headers, &body);
    (format!("{} {path} {body:.200}", route.method), reply)
}

#[test]
fn nonsense_in_every_place_of_every_route_is_no_fault_of_the_server() {
    let serving = Serving::start(&[]);
    let document = serving.get("/api/openapi.json").json();
    let routes = routes(&document);
    assert!(routes.len() >= 18, "{} routes", routes.len());
    for (number, route) in routes.iter().enumerate() {
        let is_admin = route.path.starts_with("/admin/");
        let (to, key) = if is_admin { (serving.admin, ADMIN_TOKEN) } else { (serving.http, API_KEY) };
        for seed in 0..60 {
            let mut chance = Chance((number as u64) << 32 | seed);
            let (asked, reply) = ask(route, to, &document, key, &mut chance);
            assert!(
                (200..500).contains(&reply.status),
                "seed {seed}: {asked}: {} {}",
                reply.status,
                reply.body
            );
            let is_problem =
                reply.status < 400 || reply.header("content-type") == Some("application/problem+json");
            // What is no HTTP is answered by the library.
            assert!(
                is_problem || reply.body.is_empty(),
                "seed {seed}: {asked}: {} {}",
                reply.status,
                reply.body
            );
        }
    }
    for body in ["", "{}x", "[]", "{\"grace_s\":-1}", "{\"grace_s\":\"soon\"}", "{\"grace\":1}", "null"] {
        let reply = serving.operate("POST", "/admin/v1/drain", body);
        assert!((400..500).contains(&reply.status), "{body}: {}", reply.status);
    }
    assert_eq!(serving.get("/readyz").status, 200);
    assert!(!serving.log().contains("panicked"), "{}", serving.log());
}
