"""Who says whether somebody is who they say: interchangeable identity providers, and manual review as one of them."""
