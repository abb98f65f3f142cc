"""Poison it yourself: the votes move with each poison, and the certificate holds."""

from dataclasses import replace

import streamlit as st

from components import forms
from components.certificates.form import KEY, POISON, CertificateQuestion
from components.section import Section
from engine.unlearning import PoisonVotes
from engine.unlearning.roe.poisoning import ADD


def show(question: CertificateQuestion) -> None:
    answer, controls = st.container(), st.container()
    with controls:
        forms.refuse_links(PoisonVotes, POISON)
        left, right = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
        with left:
            settings = forms.settings(PoisonVotes, POISON, ("way",))
        with right:
            settings |= forms.settings(PoisonVotes, POISON, ("count",))
    method = replace(question.method, **settings)
    done = "added" if method.way == ADD else "relabeled"
    with answer:
        Section(
            KEY,
            method,
            question.case,
            "Poison it yourself",
            known=question.known,
            button="Poison the training images",
            before=f"Up to {method.count} images are {done}, the worst ones for this image "
            "first; each network that they reach is retrained and votes again.",
        ).show()
