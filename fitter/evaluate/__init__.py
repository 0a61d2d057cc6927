"""How good a fit is: metrics, and readers of annotated clips."""
