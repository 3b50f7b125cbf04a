"""What heads and networks have in common when they learn: the loop, and what is learnt."""
