import cadkit.testing


@cadkit.testing.parametrize_checks("spots")
def test_the_plugin_keeps_the_contract(check):
    check()
