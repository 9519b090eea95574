"""An Excel workbook of 100 000 rows, beside openpyxl's write-only mode doing the same.

python benchmarks/report_xlsx.py [rows]
"""

import csv
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000

with tempfile.TemporaryDirectory() as folder:
    os.environ["DATA_DIR"] = folder
    import django

    django.setup()
    import openpyxl

    from benchmarks.report_server import HEAD
    from history.models import Report
    from history.spreadsheets import write_xlsx

    head = next(csv.reader(io.StringIO(HEAD), delimiter=";"))
    row = ["10700000001", "48211", "2026-03-02 08:14:09", "-0.013652", "EUR", "resource_charge"]
    rows = [head] + [[*row, f"Incoming call {n}"] for n in range(ROWS)]

    began = time.perf_counter()
    report = Report(kind="transactions", zone="UTC", rows_done=ROWS)
    write_xlsx(report, iter(rows), Path(folder) / "ours.xlsx", lambda _rows: None)
    ours = time.perf_counter() - began

    began = time.perf_counter()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for cells in rows:
        sheet.append(cells)
    book.save(Path(folder) / "peer.xlsx")
    peer = time.perf_counter() - began
    figure = {"name": f"report_xlsx_{ROWS}_rows", "value": round(ours, 2), "unit": "s"}
    print(json.dumps({**figure, "floor": round(peer, 2), "ratio": round(ours / peer, 3), "n": 1}))
