"""The plugins that come with Reelwork. Each file or folder is one plugin and imports only `reelwork_hooks`."""
