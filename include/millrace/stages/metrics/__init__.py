"""What answers are worth, from arrays alone: metrics with intervals, gains, and each class or cluster by itself."""
