"""The scenes of the demo, in the order of `run`. Each does something real, then checks what came of it."""
