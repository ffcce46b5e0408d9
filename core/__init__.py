# SPDX-License-Identifier: GPL-3.0-or-later
"""What everybody may know: errors, text, addresses. Needs the standard library only."""
