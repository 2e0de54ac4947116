"""Ground floor: the nouns, the registry, policy, frames, backends and errors."""
