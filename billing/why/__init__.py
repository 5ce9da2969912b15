"""Why a tenant may do what it may, told in sentences."""
