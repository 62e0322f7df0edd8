"""The hardware's edge: links, terminals, gates, the clock. A library's exceptions end in the file that imports it."""
