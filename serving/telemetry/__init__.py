"""What those who watch over the service get: errors by Sentry, spans by OpenTelemetry. Off unless it is set."""
