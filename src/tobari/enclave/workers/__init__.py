"""Jailed workers: the only place that opens, parses and computes on data (docs/adr/0003-jailed-workers.md).

    keeper                      worker server                 worker, one for each job
    server.WorkerServer  <-->   supervisor  -- fork -->       jail, then child: objects, tables, engine
      work and keys, in memory files that the server passes on unread  -->

Boot forks the server before any secret and any thread exists. It alone imports pyarrow and duckdb, and holds no key.
A worker holds the data keys of one job, never a service key, and ends with its job. The server takes what a worker
says for hostile, and the keeper takes the result for hostile.
"""
