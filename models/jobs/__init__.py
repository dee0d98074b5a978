"""The tables of background jobs and of events, and the worker that runs the jobs."""
