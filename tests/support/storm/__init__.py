"""Many tenants asking at once while things break: who asks, what breaks, what is asked, and what came of it."""
