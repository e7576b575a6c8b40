# What is wrong with a field, in any form.
forms-missing = Please fill this in.
forms-not-whole = Type a whole number.
forms-out-of-range = Type { $from } to { $to }.
forms-too-long = Type at most { $most } characters.
forms-wrong = The form was not saved; please correct the red fields.
forms-save = Save
forms-back = Back
forms-conflict = Meanwhile { $who } changed this, on { $time }, and nothing of yours was saved. What you typed is still here; save again if you still want it.
forms-conflict-now = Now: { $state }
