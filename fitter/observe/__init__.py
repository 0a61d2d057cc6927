"""What was seen: detections per frame, hand tracks over time, and the Observations that the terms read."""
