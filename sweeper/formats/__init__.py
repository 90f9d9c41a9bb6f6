"""Task formats, one file each: how rows become features, which head they need, how its outputs become answers."""
