"""Rules that every stack keeps, checked by Pulumi's policy packs and over a rendered plan alike."""
