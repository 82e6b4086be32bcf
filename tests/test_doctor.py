"""`make doctor`: a line for each check, and a way out wherever something is missing."""

import sys

import pytest

from mlm import doctor, environment


def test_a_sound_machine_passes_every_check(capsys):
    assert doctor.report(), capsys.readouterr().out
    said = capsys.readouterr().out
    assert "This machine can run the course." in said
    assert said.count("\nok") + said.startswith("ok") >= 8, said


def test_a_stale_environment_is_broken_and_make_env_mends_it(monkeypatch):
    monkeypatch.setattr(environment, "is_complete", lambda: False)
    finding = doctor.check_environment()
    assert (finding.state, finding.todo) == ("broken", "make env")


def test_an_unsupported_python_is_broken(monkeypatch):
    monkeypatch.setattr(environment, "NEWEST", (3, 10))
    assert doctor.check_python().state == "broken"


def test_a_package_of_another_version_is_named(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "0.0.1")
    finding = doctor.check_packages()
    assert finding.state == "broken"
    assert "pymc 0.0.1 for 5." in finding.found, finding.found


def test_a_kernel_that_starts_another_python_is_named(monkeypatch):
    class Foreign:
        argv = ["/usr/bin/env"]

    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager.get_kernel_spec", lambda *_: Foreign)
    finding = doctor.check_kernel()
    assert finding.state == "broken"
    assert "/usr/bin/env" in finding.found
    assert sys.executable not in finding.found


@pytest.mark.parametrize(("owner", "state"), [(doctor.PLACEHOLDER, "missing"), ("some-school", "ok")])
def test_the_placeholder_of_the_public_address_is_named(monkeypatch, tmp_path, owner, state):
    (tmp_path / "_config.yml").write_text(
        f"repository: {{url: 'https://github.com/{owner}/course'}}\n"
        f"html: {{baseurl: 'https://{owner}.github.io/course/'}}\n"
    )
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    finding = doctor.check_address()
    assert finding.state == state
    assert ("_config.yml" in finding.todo) == (state == "missing")


@pytest.mark.parametrize("program, package", [("bwrap", "bubblewrap"), ("Rscript", "r-cran-lme4")])
def test_a_missing_program_is_no_fault_but_says_what_needs_it(monkeypatch, program, package):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    finding = doctor.check_program(program, "something", package)()
    assert (finding.state, finding.todo) == ("missing", f"apt install {package}")
    assert "something" in finding.found
