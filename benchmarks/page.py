"""Write docs/benchmarks.md and its plots from the results that the benchmarks left in benchmarks/results/.

    python3 dev.py run bench python benchmarks/page.py --measure              # run every benchmark first, an hour on two idle cores
    python3 dev.py run bench python benchmarks/page.py --measure models,data  # run some
    python3 dev.py run bench python benchmarks/page.py                        # write the page again
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from ratios import against

HERE = Path(__file__).parent
RESULTS, PAGE, PLOTS = HERE / "results", HERE.parent / "docs/benchmarks.md", HERE.parent / "docs/plots"
_OURS = ["--arms", "ours", "--tasks", "fit step; predict", "--engines", "jax,torch,tensorflow"]
#: name of the results -> the script that makes them, its options, and what the section says
SCRIPTS = {
    "models": ("run.py", ["--quick", "--seconds", "12", "--models", "mlp,convnet,transformer,lstm,resnet18"], "Steps and calls"),
    "compiled": ("run.py", ["--jit", "true", *_OURS], "What `jit_compile` makes of it"),
    "plain": ("run.py", ["--jit", "false", *_OURS], ""),
    "generation": ("generation.py", [], "Generating text"),
    "dispatch": ("dispatch.py", ["--engines", "numpy,torch,jax,tensorflow"], "One op, one layer"),
    "lifecycle": ("lifecycle.py", ["--rounds", "1", "--seconds", "45"], "Construction, first step, memory, files"),
    "imports": ("imports.py", [], "Imports"),
    "data": ("data.py", [], "Data"),
}
SAYS = {
    "models": "CPU time of all threads per step or call, in ms; the ratios are medians over paired rounds, with quartiles. A fit step is one of a `fit` "
    "with all its fixed costs. The native arm is the loop a user would write by hand: jitted on JAX and TensorFlow, eager with plain `torch.optim.Adam` on "
    "torch, an infer request of the converted torch module on OpenVINO. `model(x)` runs layer by layer on JAX and TensorFlow, beside a jitted native call. "
    "On processors with bfloat16 units Keras lets OpenVINO compute in bfloat16, where the other two keep to float32 "
    "(`PRONGHORN_OPENVINO_PRECISION=bf16` asks for the same). All three share a process, and with it the memory that pronghorn lets the C library keep. "
    "`predict` of one batch costs Python besides the step: after a step of some milliseconds, which leaves the processor's caches full of its own data, "
    "several times what it costs by itself (`benchmarks/loop.py` prints both).",
    "compiled": "CPU ms of our steps with `compile(jit_compile=...)`: the rule behind `\"auto\"` in the [engines guide](guides/engines.md) rests on these. "
    "*Cold* is the first epoch by the clock, tracing and compilation included, in seconds.",
    "generation": "A GPT of four blocks (d 128, four heads) with a cache of keys and values: ms of CPU per step, and tokens per second by the clock.",
    "dispatch": "Smallest of many rounds on 4×4 tensors, in µs over the engine's own call. "
    "*(a function)* is a Python function that does nothing but call the engine.",
    "lifecycle": "One fresh process each: a functional ResNet-50 built, saved and loaded, the first step of a convnet with its "
    "compilation, and the peak memory of ten steps of a ResNet-18 over that after the imports. CPU seconds, or MiB. "
    "Rounds of a cell go on for 45 seconds, so short cells have up to 15 and long ones a single one; ratios are medians over them, with quartiles. "
    "Native construction is the module on torch, and on the others no model at all: the 267 start values alone, drawn by NumPy and handed to the engine. "
    "About half of ours draws these 23.5 million numbers; on TensorFlow as much again goes into its own variables, for which it makes a kernel per shape.",
    "imports": "Fresh processes with byte code cached; with a sign, what an import adds to the one it stands on (TensorFlow imports Keras itself).",
    "data": "Samples per second that reach a model which does nothing with them; above 1 we are faster than Keras.",
}
LABEL = {"ours": "pronghorn", "native": "native", "keras": "Keras"}


def versions() -> dict[str, str]:
    """Return what was measured, and on what."""
    found = {"Python": platform.python_version(), "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())}
    for name in ("jax", "torch", "tensorflow", "tensorflow-cpu", "openvino", "keras", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def measure(names: list[str]) -> None:
    """Run the benchmarks one after the other; each replaces its results when it is through."""
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        script, options, _ = SCRIPTS[name]
        print(f"== {script}", flush=True)
        file, new = RESULTS / f"{name}.json", RESULTS / f"{name}.new"
        subprocess.run([sys.executable, HERE / script, *options, "--json", new], check=True)
        file.write_text(json.dumps({"on": versions(), "when": time.strftime("%Y-%m-%d"), "rows": json.loads(new.read_text())}, indent=1) + "\n")
        new.unlink()


def grid(heads: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, numbers to the right."""
    sides = ["---" if h in ("engine", "model", "task", "op", "case", "import", "over") else "--:" for h in heads]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, sides, *rows))


def _ms(row: dict, arm: str) -> str:
    kind = "wall" if row.get("by") == "clock" else "cpu"
    return f"{row[f'{arm}_{kind}_ms']:.2f}"


def _models(rows: list[dict]) -> str:
    cells = [[r["engine"], r["model"], r["task"], *(_ms(r, a) for a in LABEL), against(r, "native"), against(r, "keras")] for r in rows]
    return grid(["engine", "model", "task", "ours", "native", "Keras", "ours / native", "ours / Keras"], cells)


def _compiled(rows: list[dict]) -> str:
    """Beside each other: the same steps with the three settings of `jit_compile`."""
    tables = [{(r["engine"], r["model"], r["task"]): r for r in found} for found in (_rows("plain"), rows, _rows("models"))]
    cells = []
    for key in tables[1]:
        row = [t.get(key) for t in tables]
        times = [_ms(r, "ours") if r else "–" for r in row]
        cells.append([*key, *times, *(f"{r['ours_cold_s']:.1f}" if r else "–" for r in row[:2])])
    return grid(["engine", "model", "task", "False", "True", '"auto"', "cold, False", "cold, True"], cells)


def _rows(name: str) -> list[dict]:
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text())["rows"] if file.exists() else []


def _generation(found: dict) -> str:
    def cell(r: dict, arm: str) -> str:
        return f"{r[f'{arm}_cpu_ms']:.1f}, {r[f'{arm}_tokens_per_s']:.0f}/s" if f"{arm}_cpu_ms" in r else "–"

    cells = [[r["engine"], r["task"], str(r["batch"]), *(cell(r, a) for a in LABEL), against(r, "native"), against(r, "keras")] for r in found["rows"]]
    text = grid(["engine", "task", "batch", "ours", "native", "Keras", "ours / native", "ours / Keras"], cells)
    return "\n\n".join([text, *(f"Did not run: {note}" for note in found["did not run"])])


def _dispatch(rows: list[dict]) -> str:
    cells = [
        [r["engine"], r["op"], f"{r['raw']:.2f}", f"{r['ours'] - r['raw']:+.2f}", f"{r['keras'] - r['raw']:+.2f}", f"{r['ours'] / r['raw']:.2f}"] for r in rows
    ]  # fmt: skip
    return grid(["engine", "op", "engine's own", "ours", "Keras", "ours / own"], cells)


def _lifecycle(rows: list[dict]) -> str:
    cells = []
    for r in rows:
        shown = [(f"{r[a]:.0f} MiB" if r["unit"] == "MiB" else f"{r[a]:.2f} s") if a in r else "–" for a in LABEL]
        ratios = [against(r, a) for a in ("native", "keras")]
        cells.append([r["engine"], r["task"], *shown, *ratios, str(r["rounds"])])
    return grid(["engine", "task", "ours", "native", "Keras", "ours / native", "ours / Keras", "rounds"], cells)


def _imports(rows: list[dict]) -> str:
    sign = lambda r: "+" if r["over"] else ""
    cells = [[f"`{r['import']}`", f"{r['cpu_s']:{sign(r)}.3f}", f"{r['mib']:{sign(r)}.0f}", r["over"] or ""] for r in rows]
    return grid(["import", "CPU s", "MiB", "over"], cells)


def _data(rows: list[dict]) -> str:
    cells = [[r["engine"], r["case"], f"{r['ours']:,.0f}", f"{r['keras']:,.0f}", against(r, "keras")] for r in rows]
    return grid(["engine", "case", "ours", "Keras", "ours / Keras"], cells)


def plot(rows: list[dict], task: str, file: Path) -> None:
    """Draw a task's times over the native ones, a panel per model and a group of bars per engine."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "pronghorn"  # the same file from the same numbers
    from matplotlib import pyplot

    rows = [r for r in rows if r["task"] == task]
    models = list(dict.fromkeys(r["model"] for r in rows))
    figure, panels = pyplot.subplots(1, len(models), figsize=(2.6 * len(models), 2.8), sharey=True, squeeze=False)
    for panel, model in zip(panels[0], models, strict=True):
        here = [r for r in rows if r["model"] == model]
        for i, (arm, color) in enumerate((("ours", "#1f6f54"), ("keras", "#c9c2b5"))):
            ratios = [r["vs_native"] if arm == "ours" else r["vs_native"] / r["vs_keras"] for r in here]
            bars = panel.bar([k + 0.4 * i for k in range(len(here))], ratios, 0.38, color=color, label=LABEL[arm])
            panel.bar_label(bars, [f"{v:.2f}" if v < 10 else f"{v:.0f}" for v in ratios], fontsize=6)
        panel.axhline(1, color="black", linewidth=0.8, linestyle="--")
        panel.set_xticks([k + 0.2 for k in range(len(here))], [r["engine"] for r in here], fontsize=7, rotation=20)
        panel.set_title(model, fontsize=9)
        panel.set_ylim(0, 4)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("CPU time / native", fontsize=8)
    panels[0][0].legend(fontsize=7, frameon=False)
    figure.suptitle(f"{task}: CPU time over hand-written native code (dashed); lower is faster, bars end at 4", fontsize=9)
    figure.tight_layout()
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


def page() -> str:
    """Return the page of all results there are."""
    parts = [
        "# Benchmarks\n\nWritten by `python3 dev.py run bench python benchmarks/page.py` from the files in `benchmarks/results`, which "
        "`... page.py --measure` makes. pronghorn, hand-written native code and Keras do the same work on the same engine and take turns within one "
        "process (processes, where something is measured once per process). Below 1 pronghorn takes less."
    ]
    for name, (script, options, title) in SCRIPTS.items():
        file = RESULTS / f"{name}.json"
        if not title or not file.exists():
            continue
        found = json.loads(file.read_text())
        on = ", ".join(f"{k} {v}" for k, v in found["on"].items())
        parts.append(f"## {title}\n\n{SAYS[name]}\n\n`{' '.join([f'benchmarks/{script}', *options])}`, {found['when']}; {on}.")
        if name == "models":
            for task in ("fit step", "predict"):
                drawn = PLOTS / f"{task.replace(' ', '-')}.svg"
                plot(found["rows"], task, drawn)
                parts.append(f"![{task}: CPU time over native code](plots/{drawn.name})")
        parts.append(globals()[f"_{name}"](found["rows"]))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure if asked, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs="?", const=",".join(SCRIPTS), metavar="NAMES", help=f"run these first: {', '.join(SCRIPTS)}")
    options = parser.parse_args()
    if options.measure:
        measure(options.measure.split(","))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
