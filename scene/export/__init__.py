# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of the open file: which objects, what of them, and what they would lose."""
