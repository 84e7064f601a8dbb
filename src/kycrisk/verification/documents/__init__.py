"""Pictures of documents and faces: what is accepted, whether it can be read, and what machine-readable zones say."""
