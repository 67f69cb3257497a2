"""Looks whether deploy/compose.yml and the Dockerfile name what there is: python3 compose.py ROOT."""

import ipaddress
import re
import sys
from pathlib import Path

try:
    import yaml
except ImportError:
    print("SKIPPED: there is no PyYAML to read deploy/compose.yml with")
    sys.exit(0)

ROOT = Path(sys.argv[1]).resolve()
DEPLOY = ROOT / "deploy"
FAULTS = []


def must(holds, text):
    if not holds:
        FAULTS.append(text)


def dockerfile(path):
    """The ports it exposes and the variables it sets; what it copies and builds has to be there."""
    text = path.read_text().replace("\\\n", " ")
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.M):
        must((ROOT / source).exists(), f"{path.name}: COPY {source}: no such file")
    for package in re.findall(r"-p (\w+)", text):
        manifests = ROOT.glob("*/*/Cargo.toml")
        must(any(f'name = "{package}"' in m.read_text() for m in manifests), f"{path.name}: no package {package}")
    for binary in re.findall(r"target/release/([\w-]+)", text):
        copied = re.search(rf"^COPY --from=build .*/out/{binary}\b", text, re.M)
        must(copied, f"{path.name}: {binary} is built and not copied")
    exposed = {port for line in re.findall(r"^EXPOSE (.+)$", text, re.M) for port in line.split()}
    sets = dict(re.findall(r"(FRAMEKEEP__\w+)=(\S+)", text))
    listens = {sets["FRAMEKEEP__NET__UDP"].rsplit(":", 1)[1] + "/udp", sets["FRAMEKEEP__HTTP__ADDRESS"].rsplit(":", 1)[1] + "/tcp"}
    must(exposed == listens, f"{path.name}: exposes {exposed} and listens on {listens}")
    return exposed


def port(entry):
    """Host port and container port with its protocol, of 127.0.0.1:7781:7780 or 7771:7770/udp."""
    outside, inside = entry.rsplit(":", 1)
    return outside.rsplit(":", 1)[-1], inside if "/" in inside else f"{inside}/tcp"


def service(name, told, document, exposed):
    build = told.get("build")
    if build:
        context = (DEPLOY / build["context"]).resolve()
        must(context == ROOT, f"{name}: the context {context} is not the workspace")
        must((context / build["dockerfile"]).is_file(), f"{name}: {build['dockerfile']}: no such file")
    for entry in told.get("volumes", []):
        source = entry.split(":")[0]
        known = (DEPLOY / source).exists() if source.startswith(".") else source in document["volumes"]
        must(known, f"{name}: volume {source}: not there")
    for secret in told.get("secrets", []):
        must(secret in document["secrets"], f"{name}: secret {secret}: not declared")
    for other in told.get("depends_on", []):
        must(other in document["services"], f"{name}: depends on {other}, which is no service")
    ports = [port(entry) for entry in told.get("ports", [])]
    if build:
        must({inside for _, inside in ports} <= exposed, f"{name}: {ports} beside {exposed}")
        node(name, told, document)
    return [(outside, inside.split("/")[1]) for outside, inside in ports]


def node(name, told, document):
    env = told["environment"]
    for key, value in env.items():
        if key.endswith("_FILE"):
            secret = value.removeprefix("/run/secrets/")
            must(secret in told["secrets"], f"{name}: {key}: {value} is no secret of it")
    grace, stop = int(env["FRAMEKEEP__DRAIN__GRACE_S"]), int(told["stop_grace_period"].rstrip("s"))
    must(stop > grace, f"{name}: is killed after {stop} s and drains for {grace} s")
    redis = env.get("FRAMEKEEP__CLUSTER__REDIS_URL")
    if redis:
        host = re.sub(r"^redis://(?:[^@/]*@)?([^:/]+).*$", r"\1", redis)
        must(host in document["services"], f"{name}: {redis}: no service {host}")
    peer = env.get("FRAMEKEEP__CLUSTER__PEER")
    if peer:
        own = told["networks"]["default"]["ipv4_address"]
        must(peer.rsplit(":", 1)[0] == own, f"{name}: others are told {peer}, and it is at {own}")
        subnet = ipaddress.ip_network(document["networks"]["default"]["ipam"]["config"][0]["subnet"])
        must(ipaddress.ip_address(own) in subnet, f"{name}: {own} is not in {subnet}")
    public = env["FRAMEKEEP__NET__PUBLIC"].rsplit(":", 1)[1]
    outside = {port(entry)[0] for entry in told["ports"] if entry.endswith("/udp")}
    must(outside == {public}, f"{name}: players are told {public}, and {outside} is open")


def main():
    document = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    exposed = dockerfile(DEPLOY / "Dockerfile")
    taken = []
    for name, told in document["services"].items():
        taken += service(name, told, document, exposed)
    must(len(taken) == len(set(taken)), f"a port is open twice: {sorted(taken)}")
    for scraped in yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]:
        for target in (target for config in scraped["static_configs"] for target in config["targets"]):
            host, inside = target.split(":")
            must(host in document["services"] and f"{inside}/tcp" in exposed, f"prometheus.yml: {target}: nobody is there")
    for fault in FAULTS:
        print(fault)
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
