"""The demo's own Keycloak, started for real."""

import requests

from connector.demo.keycloak import RunningKeycloak


def test_the_administrator_of_a_fresh_keycloak_gets_a_token(keycloak: RunningKeycloak) -> None:
    answer = requests.post(
        f"{keycloak.url}/realms/master/protocol/openid-connect/token",
        data={
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": keycloak.admin_user,
            "password": keycloak.admin_password,
        },
        timeout=10,
    )
    assert answer.status_code == 200
    assert answer.json()["access_token"]


def test_keycloak_names_itself_by_the_url_that_we_were_given(keycloak: RunningKeycloak) -> None:
    answer = requests.get(f"{keycloak.url}/realms/master/.well-known/openid-configuration", timeout=10)
    assert answer.json()["issuer"] == f"{keycloak.url}/realms/master"
