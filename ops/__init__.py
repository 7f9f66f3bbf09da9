"""The command line `slipway` around Pulumi."""
