# Install rules: filled in with the public library.
