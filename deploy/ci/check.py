"""Runs the shell steps of action.yml in the variables and files that a runner would give them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WSAUDIT = Path(os.environ.get("WSAUDIT", ROOT / "target/debug/wsaudit")).absolute()
EXPRESSION = re.compile(r"\$\{\{\s*([a-z0-9_.-]+)\s*\}\}")


def load(name):
    return yaml.safe_load((HERE / name).read_text("utf-8"))


def lint(action, workflow):
    """What actionlint does not look at: the action itself."""
    assert action["runs"]["using"] == "composite"
    inputs = action["inputs"]
    for name, one in inputs.items():
        assert one["description"] and (one.get("required") or "default" in one), name
    steps = action["runs"]["steps"]
    ids = {step["id"] for step in steps if "id" in step}
    used = set()
    for step in steps:
        assert ("run" in step) != ("uses" in step), step
        if "run" in step:
            assert step["shell"] == "bash", step
            # An expression in a script is an injection: values reach scripts through variables.
            assert "${{" not in step["run"], step
    for text in re.findall(r"\$\{\{.*?\}\}", (HERE / "action.yml").read_text("utf-8")):
        used |= set(re.findall(r"inputs\.([a-z-]+)", text))
        for step in re.findall(r"steps\.([a-z-]+)\.", text):
            assert step in ids, step
    assert used == set(inputs), f"inputs: {used ^ set(inputs)}"
    [step] = [one for one in workflow["jobs"]["verify"]["steps"] if "wsaudit" in one.get("uses", "")]
    assert set(step["with"]) <= set(inputs), step
    assert step["uses"].split("@")[0].endswith("/deploy/ci"), step


def wanted(step, known):
    """Whether a step runs: so far, the only condition of those that run a script is that an earlier one said `true`."""
    if "if" not in step:
        return True
    found = re.fullmatch(r"\$\{\{ (steps\.[a-z.-]+) == 'true' \}\}", step["if"])
    assert found, step["if"]
    return known.get(found[1]) == "true"


class Runner:
    def __init__(self, action, directory):
        self.action, self.directory = action, directory
        self.summary = directory / "summary"

    def run(self, **given):
        """Exit code of the action, its outputs, and what it printed."""
        inputs = {name: one.get("default", "") for name, one in self.action["inputs"].items()}
        inputs.update({name.replace("_", "-"): value for name, value in given.items()})
        known = {f"inputs.{name}": value for name, value in inputs.items()}
        known["github.action_path"] = str(HERE)
        printed, outputs = "", {}
        self.summary.unlink(missing_ok=True)
        for number, step in enumerate(self.action["runs"]["steps"]):
            if "run" not in step or not wanted(step, known):
                continue
            output = self.directory / f"output-{number}"
            output.write_text("")
            env = {
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "GITHUB_ACTIONS": "true",
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "RUNNER_TEMP": str(self.directory),
            }
            for name, value in step.get("env", {}).items():
                # An output of a step that was skipped is empty.
                env[name] = EXPRESSION.sub(lambda found: known.get(found[1], ""), value)
            # What `shell: bash` means.
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            ran = subprocess.run(
                command, cwd=self.directory, env=env, capture_output=True, text=True, timeout=60, check=False
            )
            printed += ran.stdout + ran.stderr
            for line in output.read_text().splitlines():
                name, value = line.split("=", 1)
                known[f"steps.{step['id']}.outputs.{name}"] = outputs[name] = value
            if ran.returncode != 0:
                return ran.returncode, outputs, printed
        return 0, outputs, printed


def main():
    action, workflow = load("action.yml"), load("example-workflow.yml")
    lint(action, workflow)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        runner = Runner(action, directory)
        golden, rules = ROOT / "fixtures/golden", directory / "my rules.toml"
        shutil.copy(ROOT / "fixtures/peers/chat/rules.toml", rules)
        shutil.copytree(golden, directory / "fix tures")
        sound = directory / "fix tures/chat-sound.db"
        wsaudit = str(WSAUDIT)

        code, outputs, printed = runner.run(recordings="fix tures\n", rules="my rules.toml\n", wsaudit=wsaudit)
        assert code == 1, f"{code}: {printed}"
        assert outputs["exit-code"] == "1", outputs
        assert "\n::error file=my rules.toml,line=" in printed, printed
        assert runner.summary.read_text("utf-8").startswith("## wsaudit: violated")
        for name in ("json", "junit", "sarif"):
            assert (directory / outputs[name]).stat().st_size > 0, name
        whole = json.loads((directory / outputs["sarif"]).read_text("utf-8"))["runs"][0]["results"]
        alerts = json.loads((directory / "wsaudit-reports/alerts.sarif").read_text("utf-8"))["runs"][0]["results"]
        assert 0 < len(alerts) < len(whole) and all(one["kind"] == "fail" for one in alerts)

        code, _, printed = runner.run(recordings=str(sound), rules=str(rules), wsaudit=wsaudit)
        assert code == 0, f"{code}: {printed}"
        both = f"{rules}\nprotocol\nhandshake\n"
        open_rules = str(ROOT / "fixtures/peers/reports/hostile.toml")
        code, _, printed = runner.run(recordings=str(sound), rules=open_rules, wsaudit=wsaudit)
        assert code == 3, f"{code}: {printed}"
        code, _, printed = runner.run(
            recordings=str(sound), rules=open_rules, wsaudit=wsaudit, accept_inconclusive="true"
        )
        assert code == 0, f"{code}: {printed}"
        code, _, printed = runner.run(recordings=str(sound), rules=both, wsaudit=wsaudit)
        assert "rules of protocol" in printed and "rules of handshake" in printed, printed
        code, outputs, printed = runner.run(recordings="none.db", wsaudit=wsaudit)
        assert (code, outputs["exit-code"]) == (2, "2"), f"{code}: {printed}"
        # The value of an input is no option, and no command.
        code, _, printed = runner.run(recordings="--help\n$(touch pwned)", wsaudit=wsaudit)
        assert code == 2 and not (directory / "pwned").exists(), f"{code}: {printed}"
        # Cases alone, both, and neither; the worse of both codes counts.
        cases = directory / "fix tures/cases"
        cases.mkdir()
        text = (golden / "chat-leaky.md").read_text("utf-8")
        (cases / "leaky.md").write_text(text.replace("chat-leaky.db", "../chat-leaky.db").replace("../peers/chat/rules.toml", "../../my rules.toml"))
        code, outputs, printed = runner.run(cases="fix tures/cases\n", wsaudit=wsaudit)
        assert (code, outputs["exit-code"], "json" in outputs) == (0, "0", False), f"{code}: {printed}"
        assert "1 case, " in printed, printed
        assert "<testsuite " in (directory / "wsaudit-reports/cases.xml").read_text("utf-8")
        (cases / "wrong.md").write_text("# wrong\n\n```trace\nrules: protocol\n\nA = session s\n0.0 A open /ws\n0.1 A > {}   #! expect protocol\n```\n")
        code, outputs, printed = runner.run(recordings=str(sound), cases="fix tures/cases", rules=str(rules), wsaudit=wsaudit)
        assert (code, outputs["exit-code"]) == (1, "1"), f"{code}: {printed}"
        assert "\n::error file=fix tures/cases/wrong.md,line=8," in printed, printed
        code, _, printed = runner.run(recordings="none.db", cases="fix tures/cases", wsaudit=wsaudit)
        assert code == 2, f"{code}: {printed}"
        (cases / "wrong.md").unlink()
        code, _, printed = runner.run(recordings=str(sound), cases="fix tures/cases", rules=open_rules, wsaudit=wsaudit)
        assert code == 3, f"{code}: {printed}"
        # Lines of spaces name nothing.
        code, outputs, printed = runner.run(recordings=" \n\t\n", cases="  \nfix tures/cases\n", wsaudit=wsaudit)
        assert (code, "json" in outputs) == (0, False), f"{code}: {printed}"
        code, _, printed = runner.run(recordings=" \n", wsaudit=wsaudit)
        assert code == 2 and "neither recordings nor cases" in printed, f"{code}: {printed}"
        # Rules that are wrong are shown where they are.
        (directory / "bad.toml").write_text("[pack]\nname = 1\nformat = 1\n")
        code, _, printed = runner.run(recordings=str(sound), rules="bad.toml", wsaudit=wsaudit)
        assert code == 2 and "\n::error file=bad.toml,line=2,col=8," in printed, f"{code}: {printed}"
        # A baseline lets what it knows pass until it expires.
        known = directory / "known.toml"
        subprocess.run(
            [wsaudit, "verify", "--rules", rules, golden / "chat-leaky.db", "--write-baseline", known, "--today", "2026-01-01"],
            capture_output=True, check=False, timeout=60,
        )
        known.write_text(known.read_text("utf-8").replace('"TODO"', '"mended soon"'), "utf-8")
        leaky = str(golden / "chat-leaky.db")
        code, _, printed = runner.run(recordings=leaky, rules=str(rules), baseline="known.toml", wsaudit=wsaudit)
        assert code == 1 and "title=no longer excused%3A " in printed, f"{code}: {printed}"
        known.write_text(re.sub(r"expires +=.*", "expires = 9999-12-31", known.read_text("utf-8")), "utf-8")
        code, _, printed = runner.run(recordings=leaky, rules=str(rules), baseline="known.toml", wsaudit=wsaudit)
        assert code == 0 and "\n::notice file=" in printed, f"{code}: {printed}"
        # What was cut off on its way, and an empty directory.
        (directory / "torn.db").write_bytes(sound.read_bytes()[:9000])
        code, _, printed = runner.run(recordings="torn.db", rules=str(rules), wsaudit=wsaudit)
        assert code == 2 and "::error file=torn.db,line=1," in printed, f"{code}: {printed}"
        (directory / "empty").mkdir()
        code, _, printed = runner.run(recordings="empty/", rules=str(rules), wsaudit=wsaudit)
        assert code == 2 and "::error title=wsaudit::no recording beneath empty/" in printed, f"{code}: {printed}"
        code, _, printed = runner.run(recordings="x", wsaudit="no-such-program")
        assert code == 2 and "names no program" in printed, f"{code}: {printed}"
    print("deploy/ci: the action's steps do what they say")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"FAILED: {str(error)[:2000]}")
