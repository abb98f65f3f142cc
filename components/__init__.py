"""What a person sees and moves: knows Streamlit and Plotly, not torch.

A room for each view, named as its page: `ask`, `decoding`, `familiar`, `forget`, `heatmaps` (with
`trust` beside it), `level_sets`, `minimal_regions`, `prune`, `study`, `which_explanation`, and
`lab` for Data and models; `start` has the first page, which says in each view's words what it would
answer. In a room, mostly, `view` holds the parts that the page puts together,
`asked` or `form` what is asked, `charts` what is drawn; each other file is a section of the view.

Rooms for all views: `sidebar` (image, model, target), `charts` (how figures and tables look),
`widgets` (what we draw in the browser ourselves). What stands here is used everywhere: `frame`,
`views`, `runs`, `forms`, `links`, `notices`, `jobs`, `exports`.
"""
