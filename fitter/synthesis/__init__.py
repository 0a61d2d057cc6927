"""Analysis by synthesis: what is rendered is compared with what was filmed, and what both agree on is refined."""
