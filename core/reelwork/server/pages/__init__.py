"""The dashboard: pages made on the server, whole without JavaScript and live with it."""
