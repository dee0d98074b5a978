"""The job and event tables, and the worker that runs jobs."""
