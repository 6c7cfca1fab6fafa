"""Document -> Graph: reads the sections of a config, binds symbols, and traces the statements."""
