"""SEES ITS OWN DATA. The relying party's SDK: appraise, seal, call, check the receipt (docs/reference/sdk.md).

`session` is the way in, with a blocking and an asynchronous face. Below it all protocols are flows (`flow`): generators
that yield requests and take responses, so that they run the same over either face, or against a test.
"""
