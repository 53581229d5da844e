"""Finding, loading and choosing backends. Plugins here are made on the spot, as distributions on sys.path."""

import importlib
import os
import subprocess
import sys
import threading
from importlib import metadata
from types import SimpleNamespace

import pytest

from pronghorn import cli
from pronghorn.backend import contract, errors, registry
from pronghorn.backend.hookspec import CONTRACT_VERSION, GROUP, BackendSpec

HEAD = "from pronghorn.backend.hookspec import BackendSpec, hookimpl\n"


def plugin_source(**fields) -> str:
    values = {
        "name": "acme",
        "distribution": "acme-plugin",
        "engine": "acme_engine",
        "engine_distributions": ("acme-engine",),
        "factory": "acme_backend:Backend",
        **fields,
    }
    return HEAD + f"@hookimpl\ndef pronghorn_backend():\n    return BackendSpec(**{values!r})\n"


def install(folder, source, name="acme", dist="acme-plugin"):
    """Put a distribution with one entry point on disk, as pip would."""
    module = f"{dist.replace('-', '_')}_module"
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{dist.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {module}\n")


def run(code: str, **env: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k != registry.ENVIRONMENT}
    done = subprocess.run([sys.executable, "-c", code], env={**clean, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder on sys.path, and a registry that looks again before and after."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "LOADED", dict(registry.LOADED))
    registry._found.cache_clear()
    yield tmp_path
    registry._found.cache_clear()
    for name in set(sys.modules) - before:
        if "acme" in name:
            del sys.modules[name]


@pytest.fixture
def ab(monkeypatch):
    """Two loaded stand-ins, and no default."""
    a, b = SimpleNamespace(name="a"), SimpleNamespace(name="b")
    monkeypatch.setattr(registry, "LOADED", {**registry.LOADED, "a": a, "b": b})
    monkeypatch.setattr(registry, "_default", a)
    return a, b


def info(name: str) -> registry.BackendInfo:
    return {i.name: i for i in registry.list_backends()}[name]


# -- listing -----------------------------------------------------------------------------------------------------------------


def test_listing_imports_no_engine():
    out = run(
        "import sys\nfrom pronghorn.backend import registry\nnames = [b.name for b in registry.list_backends()]\nregistry.active_name()\n"
        "print(*names)\nprint(*{'jax', 'jaxlib', 'torch', 'tensorflow', 'openvino', 'keras'} & set(sys.modules))"
    )
    assert out.splitlines() == ["jax torch tensorflow numpy openvino"]


def test_list_backends_tells_version_and_capabilities():
    jax = info("jax")
    assert (jax.status, jax.hint, jax.distribution) == ("ready", "", "pronghorn-jax")
    assert jax.version == metadata.version("jax")
    assert "autodiff" in jax.capabilities and "dynamic_shapes" not in jax.capabilities
    assert info("openvino").capabilities == {"compile_only"}
    assert info("numpy").distribution == "pronghorn"


def test_specs_speak_this_contract():
    assert {s.contract for s in registry.specs().values()} == {CONTRACT_VERSION}
    assert all(s.name == name for name, s in registry.specs().items())


def test_engine_of_finds_the_backend_by_top_level_module():
    assert registry.engine_of({"builtins", "torch"}) == "torch"
    assert registry.engine_of({"jaxlib", "jax", "builtins"}) == "jax"
    assert registry.engine_of({"builtins"}) is None


def test_missing_engine_is_listed_with_the_command(plugins):
    install(plugins, plugin_source())
    assert (info("acme").status, info("acme").hint, info("acme").version) == ("engine missing", "pip install acme-plugin", None)
    with pytest.raises(errors.BackendNotInstalledError, match=r'^Backend "acme" is not installed\. Run: pip install acme-plugin\. Inst'):
        registry.get("acme")


def test_install_command_of_the_plugin_wins(plugins):
    install(plugins, plugin_source(install="conda install acme"))
    assert info("acme").hint == "conda install acme"


def test_folder_named_like_the_engine_is_no_engine(plugins):
    install(plugins, plugin_source())
    (plugins / "acme_engine").mkdir()
    assert info("acme").status == "engine missing"
    (plugins / "acme_engine" / "__init__.py").write_text("raise RuntimeError('imported')")
    importlib.invalidate_caches()
    assert info("acme").status == "ready"


@pytest.mark.parametrize(
    "source, error",
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import acme_no_such_module", "ModuleNotFoundError"),
        ("x = 1", "TypeError"),
        (HEAD + "@hookimpl\ndef pronghorn_backend():\n    return 'acme'", "TypeError"),
        (HEAD + "@hookimpl\ndef pronghorn_backend():\n    return BackendSpec('Ac me', 'd', 'e', (), 'm:a')", "ValueError"),
        (plugin_source(factory="no_colon"), "ValueError"),
    ],
)
def test_broken_plugin_is_listed_and_harms_no_other(plugins, source, error):
    install(plugins, source)
    assert info("acme").status == "broken"
    assert error in info("acme").hint and "pip install --upgrade acme-plugin" in info("acme").hint
    assert "acme" not in registry.specs() and "numpy" in registry.specs()
    with pytest.raises(errors.BackendIncompatibleError, match="plugin of backend .acme. is broken") as caught:
        registry.get("acme")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("version, older", [(CONTRACT_VERSION - 1, "acme-plugin"), (CONTRACT_VERSION + 1, "pronghorn")])
def test_other_contract_version_is_incompatible(plugins, version, older):
    install(plugins, plugin_source(contract=version))
    assert (info("acme").status, info("acme").hint) == ("incompatible", f"pip install --upgrade {older}")
    with pytest.raises(errors.BackendIncompatibleError) as caught:
        registry.get("acme")
    assert f"version {version} of" in str(caught.value) and f"version {CONTRACT_VERSION}." in str(caught.value)
    assert f"pip install --upgrade {older}" in str(caught.value)


def test_plugin_cannot_take_a_name_of_ours(plugins):
    install(plugins, plugin_source(name="numpy", priority=99), dist="aaa-acme")
    assert registry.specs()["numpy"].distribution == "pronghorn"
    assert info("numpy (aaa-acme)").status == "broken"


def test_extra_without_its_plugin_is_listed_as_missing(plugins, monkeypatch):
    only_core = [e for e in metadata.entry_points(group=GROUP) if e.name == "numpy"]
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: only_core)
    monkeypatch.setattr(registry, "LOADED", {})
    assert [i.name for i in registry.list_backends()][0] == "numpy"
    assert {i.name: i.hint for i in registry.list_backends() if i.status != "ready"} == {
        name: f'pip install "pronghorn[{name}]"' for name in ("jax", "torch", "tensorflow", "openvino")
    }
    with pytest.raises(errors.BackendNotInstalledError) as caught:
        registry.get("jax")
    assert str(caught.value) == 'Backend "jax" is not installed. Run: pip install "pronghorn[jax]". Installed: numpy.'
    assert registry._default_name() == "numpy"


# -- loading -----------------------------------------------------------------------------------------------------------------


def test_unknown_name_suggests_the_closest():
    with pytest.raises(errors.BackendNotFoundError, match=r'^Backend "jaxx" is not known\. Did you mean "jax"\? Installed: .*numpy'):
        registry.get("jaxx")
    with pytest.raises(ValueError, match=r'^Backend "qwertyuiop" is not known\. Installed'):
        registry.use_backend("qwertyuiop")
    with pytest.raises(errors.BackendNotFoundError):
        registry.get(None)


def working_plugin(folder, body="", **fields):
    install(folder, plugin_source(**fields))
    (folder / "acme_engine.py").write_text("")
    (folder / "acme_backend.py").write_text(
        "from pronghorn.backend import contract\nmade = []\n"
        f"class Backend(contract.Backend):\n    name = 'acme'\n    def __init__(self):\n        made.append(self)\n{body}"
    )


def test_incomplete_backend_is_refused(plugins):
    working_plugin(plugins)
    with pytest.raises(contract.ContractError, match="missing primitives: .*matmul"):
        registry.get("acme")
    assert "acme" not in registry.LOADED


def test_backend_is_created_once_whichever_thread_asks(plugins, monkeypatch):
    working_plugin(plugins, "        import time; time.sleep(0.05)\n")
    monkeypatch.setattr(contract, "validate", lambda backend: backend)
    start, got = threading.Barrier(8), []

    def ask():
        start.wait()
        got.append(registry.get("acme"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(got) == 8 and len(set(map(id, got))) == 1
    assert len(sys.modules["acme_backend"].made) == 1
    assert registry.LOADED["acme"] is got[0]


def test_factory_that_fails_to_import_tells_which_engine(plugins):
    working_plugin(plugins)
    (plugins / "acme_backend.py").write_text("raise OSError('libacme.so: cannot open shared object file')")
    with pytest.raises(errors.BackendIncompatibleError, match=r'"acme" is installed but fails to load \(acme_engine\): OSError: libacme'):
        registry.get("acme")


def test_backend_with_another_name_is_refused(plugins, monkeypatch):
    working_plugin(plugins, name="acme_two")
    monkeypatch.setattr(contract, "validate", lambda backend: backend)
    with pytest.raises(contract.ContractError, match="calls itself"):
        registry.get("acme_two")


# -- the active backend ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "specs, expected",
    [
        ({"numpy": (10, ()), "x": (40, ("autodiff",)), "y": (30, ("autodiff",))}, "x"),
        ({"numpy": (10, ()), "third": (0, ("autodiff",))}, "third"),
        ({"numpy": (10, ()), "infer": (50, ("compile_only",))}, "numpy"),
        ({"numpy": (10, ()), "plain": (0, ())}, "numpy"),
    ],
)
def test_default_is_the_one_that_can_train_by_priority(monkeypatch, specs, expected):
    monkeypatch.delenv(registry.ENVIRONMENT, raising=False)
    made = {n: BackendSpec(n, n, "numpy", (), "m:a", frozenset(c), priority=p) for n, (p, c) in specs.items()}
    monkeypatch.setattr(registry, "_found", lambda: {n: registry._Found(n, n, s) for n, s in made.items()})
    assert registry._default_name() == expected


def test_environment_variable_chooses(monkeypatch):
    code = "from pronghorn.backend import registry as r; print(r.active_name(), r.active().name, r.active() is r.get('numpy'))"
    assert run(code, PRONGHORN_BACKEND="numpy") == "numpy numpy True"


def test_environment_variable_with_unknown_name_is_named_in_the_error():
    code = "from pronghorn.backend import registry as r\ntry: r.active()\nexcept ValueError as e: print(e, *e.__notes__)"
    out = run(code, PRONGHORN_BACKEND="troch")
    assert 'Did you mean "torch"?' in out and out.endswith("PRONGHORN_BACKEND=troch asks for it.")


def test_set_backend_goes_before_the_environment(ab, monkeypatch):
    monkeypatch.setenv(registry.ENVIRONMENT, "a")
    registry.set_backend("b")
    assert (registry.active(), registry.active_name()) == (ab[1], "b")
    registry.set_backend(None)
    assert (registry.active(), registry.active_name()) == (ab[0], "a")


def test_set_backend_with_unknown_name_changes_nothing(ab):
    with pytest.raises(errors.BackendNotFoundError):
        registry.set_backend("c")
    assert registry.active() is ab[0]


def test_use_backend_nests_and_restores(ab):
    a, b = ab
    with registry.use_backend("b") as got:
        assert got is b is registry.active()
        with registry.use_backend("a"):
            assert registry.active() is a
            registry.set_backend("b")
            assert registry.active() is a
        assert registry.active() is b
        registry.set_backend("a")
        assert registry.active() is b
    assert registry.active() is a


def test_use_backend_restores_after_an_exception(ab):
    with pytest.raises(KeyError), registry.use_backend("b"), registry.use_backend("a"):
        raise KeyError
    assert registry.active() is ab[0] and registry._scope.outer == []


def test_use_backend_object_can_be_entered_again(ab):
    a, b = ab
    scope = registry.use_backend("b")
    with scope, registry.use_backend("a"), scope:
        assert registry.active() is b
    assert registry.active() is a


def test_use_backend_decorates(ab):
    @registry.use_backend("b")
    def fn(depth):
        "Doc."
        return [registry.active(), *(fn(depth - 1) if depth else [])]

    assert fn(2) == [ab[1]] * 3 and fn.__doc__ == "Doc." and registry.active() is ab[0]


def test_use_backend_refuses_a_generator_function(ab):
    with pytest.raises(TypeError, match="cannot decorate later"):

        @registry.use_backend("b")
        def later():
            yield


def test_use_backend_holds_in_its_thread_only(ab):
    a, b = ab
    inside, leave, seen = threading.Event(), threading.Event(), {}

    def worker():
        seen["before"] = registry.active()
        with registry.use_backend("b"):
            seen["inside"] = registry.active()
            inside.set()
            leave.wait(10)
        seen["after"] = registry.active()

    thread = threading.Thread(target=worker)
    with registry.use_backend("b"):
        thread.start()
        assert inside.wait(10)
    assert registry.active() is a
    leave.set()
    thread.join()
    assert seen == {"before": a, "inside": b, "after": a}


# -- errors and the command line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, hint", [("tensorfow", ' Did you mean "tensorflow"?'), ("JAX", ' Did you mean "jax"?'), ("zzz", "")])
def test_closest(name, hint):
    assert errors.closest(name, ["jax", "tensorflow", "torch"]) == hint


def test_command_prints_aligned_columns_and_whole_commands(plugins, capsys, monkeypatch):
    command = "pip install acme --index-of " + "a-very-long-word-" * 8
    install(plugins, plugin_source(install=command))
    monkeypatch.setenv("COLUMNS", "40")
    assert cli.main(["backends"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["backend", "engine", "status", "capabilities"]
    assert f"acme: {command}" in lines
    (numpy_line,) = [line for line in lines if line.startswith("numpy")]
    assert numpy_line.index("ready") == lines[0].index("status")


def test_command_on_a_terminal_does_not_wrap_the_hint(plugins, capsys, monkeypatch):
    command = "pip install acme --index-of " + "a-very-long-word-" * 8
    install(plugins, plugin_source(install=command))
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert cli.main(["backends"]) == 0
    assert f"acme: {command}" in capsys.readouterr().out


def test_command_without_a_name_shows_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 2 and "usage: pronghorn" in capsys.readouterr().err
