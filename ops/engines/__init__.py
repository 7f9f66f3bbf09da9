"""The two engines behind the commands: Pulumi's own, and render-and-Helm."""
