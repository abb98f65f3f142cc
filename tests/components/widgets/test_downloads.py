"""A download does not rerun the page, and its file has a type that fits its name."""

from streamlit.testing.v1 import AppTest


def offered() -> None:
    from components.widgets.downloads import download

    download("Table", lambda: "a,b", "rows.csv", "t.csv")
    download("Weights", lambda: b"12", "net.safetensors", "t.weights", help="One file.")


def test_a_press_reruns_nothing_so_that_the_file_is_still_there() -> None:
    at = AppTest.from_function(offered).run()
    assert not at.exception
    buttons = [element.proto for element in at.get("download_button")]
    assert [button.label for button in buttons] == ["Table", "Weights"]
    assert all(button.ignore_rerun for button in buttons)
    assert buttons[1].help == "One file."
