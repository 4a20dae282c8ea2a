"""Pictures of the lessons. `build(figure)` draws what stays, `update(artists, **values)` moves the rest."""
