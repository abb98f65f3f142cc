"""The view Protect data: images changed so that networks learn nothing useful from them."""
