"""Runs every benchmark, and prints the machine it ran on."""

from __future__ import annotations

import os
import platform
import sys

from benchmarks import (
    downloads,
    finishing,
    in_flight,
    long_lists,
    makespan,
    plan_rows,
    startup,
    throughput,
    uploads,
    webhook_latency,
    webhook_load,
)


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {sys.version.split()[0]}\n")
    print("Start-up (python -m benchmarks.startup)")
    startup.main()
    print("\nPlanning a large batch (python -m benchmarks.plan_rows)")
    plan_rows.main([])
    print("\nThroughput and latency (python -m benchmarks.throughput)")
    throughput.main()
    print("\nIn flight (python -m benchmarks.in_flight)")
    in_flight.main()
    print("\nDownloads (python -m benchmarks.downloads)")
    downloads.main([])
    print("\nUploads (python -m benchmarks.uploads)")
    uploads.main([])
    print("\nFinishing beside ffmpeg (python -m benchmarks.finishing)")
    finishing.main([])
    print("\nMakespan (python -m benchmarks.makespan)")
    makespan.main([])
    print("\nWebhooks beside polling alone (python -m benchmarks.webhook_latency)")
    webhook_latency.main([])
    print("\nMany webhooks (python -m benchmarks.webhook_load)")
    webhook_load.main([])
    print("\nLong lists (python -m benchmarks.long_lists)")
    long_lists.main()


if __name__ == "__main__":
    main()
