"""What kind of doubt it is: hesitating between known classes, or knowing none of them."""
