//! Compiles `framekeep.proto`, without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=framekeep.proto");
    let files = protox::compile(["framekeep.proto"], ["."])?;
    let bits = "#[serde(deserialize_with = \"crate::number::from_number_or_text\")]";
    let mut config = prost_build::Config::new();
    config
        .type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .type_attribute(".", "#[serde(rename_all = \"snake_case\")]")
        .field_attribute("Input.bits", bits)
        .field_attribute("Ping.nonce", bits)
        .field_attribute("StateView.ended_unix_us", "#[serde(skip_serializing_if = \"Option::is_none\")]");
    for message in files.file.iter().flat_map(|file| &file.message_type) {
        config.message_attribute(format!(".framekeep.v1.{}", message.name()), "#[serde(default)]");
    }
    for message in ["ClientMessage", "ServerMessage"] {
        config.field_attribute(format!("{message}.body"), "#[serde(flatten)]");
    }
    config.compile_fds(files)?;
    Ok(())
}
