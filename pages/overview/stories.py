"""Stories: answers that ship, one after another, for a room."""

from components.stories import page

page.show()
