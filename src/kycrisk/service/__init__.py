"""What a service does with a site and its store, without HTTP: screenings, hot reload, rechecks."""
