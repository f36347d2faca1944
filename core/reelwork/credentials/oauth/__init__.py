"""OAuth 2: the code flow with PKCE, the flow for devices, and the requests for tokens."""
