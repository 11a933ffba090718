"""What is measured of videos: one figure or one network in each file; evaluate.py and report.py make the table."""
