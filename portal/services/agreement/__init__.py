"""How far readers agree with each other and with a system: pure statistics, and the page that is made of them."""
