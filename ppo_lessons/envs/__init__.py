"""Games: the Corridor for Gymnasium, and games in torch that live on the training device."""
