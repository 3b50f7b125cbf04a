"""What computes a network: graphs, and engines for each kind of device."""
