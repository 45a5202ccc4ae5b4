"""The measured systems as tables to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown(found: Mapping[str, Any]) -> str:
    """One table of systems, one of engines, and what they were measured on."""
    on = found["machine"]
    lines = [
        "# What each system costs to serve", "",
        f"`{found['command']}` on {on['cpu']}, {on['cores']} cores, load before {on['load_before']}, {on['date']}.",
        "Each system is read alone in a fresh process; medians after a first reading; one thread.", "",
        "| system | image | first reading, ms | median reading, ms | memory alone, MB |", "|---|---|---|---|---|",
        *(_system(key, one) for key, one in found["alone"].items()), "",
        f"All of them in one process: {found['together']['after_mb']:.0f} MB "
        f"({found['together']['before_mb']:.0f} MB before the first was loaded).", "",
        "## What each is worth", "",
        "The first figure of its card, measured on images held out, and what its original claims.", "",
        "| system | data | measured here | claimed by the original | median reading, ms | memory alone, MB |",
        "|---|---|---|---|---|---|",
        *(_worth(key, one, found["alone"][key]) for key, one in found["worth"].items()), "",
        "## ONNX Runtime beside OpenVINO", "",
        "Median milliseconds per run, one sample, and memory that loading took.", "",
        "| graph | ORT, 1 thread | OpenVINO, 1 thread | ORT, 2 | OpenVINO, 2 | ORT load ms / MB | "
        "OpenVINO load ms / MB | largest difference |", "|---|---|---|---|---|---|---|---|",
        *(_graph(name, one) for name, one in found["graphs"].items()), "",
    ]
    return "\n".join(lines)


def _system(key: str, found: Mapping[str, Any]) -> str:
    one = found["systems"][key]
    return (f"| {key} | {one['image']}, {one['outcome']} | {one['first_ms']:.0f} | {one['median_ms']:.1f} | "
            f"{found['after_mb']:.0f} |")


def _worth(key: str, one: Mapping[str, str], cost: Mapping[str, Any]) -> str:
    measured = f"{one['demonstration']}: {one['measured']}" if one["demonstration"] else one["measured"]
    return (f"| {key} | {one['data']} | {measured} | {one['claim']} | {cost['systems'][key]['median_ms']:.1f} | "
            f"{cost['after_mb']:.0f} |")


def _graph(name: str, one: Mapping[str, Any]) -> str:
    times = " | ".join(f"{one[f'{engine}-{threads}']['median_ms']:.2f}"
                       for threads in (1, 2) for engine in ("onnxruntime", "openvino"))
    loads = " | ".join(f"{one[f'{engine}-1']['load_ms']:.0f} / {one[f'{engine}-1']['mb']:.0f}"
                       for engine in ("onnxruntime", "openvino"))
    return f"| {name} | {times} | {loads} | {one['difference']:.1e} |"
